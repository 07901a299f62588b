"""The designer's pages, in the order of the site."""

from django.contrib.auth.views import LoginView, LogoutView
from django.urls import path, register_converter

from designer.views import (
    compare,
    editor,
    export,
    find,
    flows,
    people,
    reviews,
    rules,
    tests,
    tokens,
    versions,
)


class FlowName:
    """A flow's name in an address."""

    regex = "[A-Za-z0-9_-]{1,64}"

    def to_python(self, value: str) -> str:
        return value

    def to_url(self, value: str) -> str:
        return value


register_converter(FlowName, "flow")

urlpatterns = [
    path("login/", LoginView.as_view(redirect_authenticated_user=True), name="login"),
    path("logout/", LogoutView.as_view(), name="logout"),
    path("", flows.flows, name="flows"),
    path("flows/new/", flows.flow_new, name="flow_new"),
    path("flows/<flow:name>/", editor.flow, name="flow"),
    path("flows/<flow:name>/export/<slug:form>", export.flow_export, name="flow_export"),
    path("flows/<flow:name>/versions/", versions.flow_versions, name="flow_versions"),
    path("flows/<flow:name>/versions/<int:number>/", versions.flow_version, name="flow_version"),
    path(
        "flows/<flow:name>/versions/<int:number>/restore/",
        versions.version_restore,
        name="version_restore",
    ),
    path(
        "flows/<flow:name>/versions/<int:number>/check/",
        versions.version_check,
        name="version_check",
    ),
    path(
        "flows/<flow:name>/versions/<int:number>/check/cancel/",
        versions.version_check_act,
        {"act": "cancel"},
        name="version_check_cancel",
    ),
    path(
        "flows/<flow:name>/versions/<int:number>/check/again/",
        versions.version_check_act,
        {"act": "again"},
        name="version_check_again",
    ),
    path("flows/<flow:name>/tests/", tests.flow_tests, name="flow_tests"),
    path("flows/<flow:name>/tests/files/", tests.flow_tests_files, name="flow_tests_files"),
    path("flows/<flow:name>/tests/new/", tests.flow_test_new, name="flow_test_new"),
    path("flows/<flow:name>/tests/save/", tests.flow_test_save, name="flow_test_save"),
    path("flows/<flow:name>/tests/try/", tests.flow_test_try, name="flow_test_try"),
    path("flows/<flow:name>/tests/<int:id>/", tests.flow_test, name="flow_test"),
    path(
        "flows/<flow:name>/tests/<int:id>/rename/", tests.flow_test_rename, name="flow_test_rename"
    ),
    path(
        "flows/<flow:name>/tests/<int:id>/delete/", tests.flow_test_delete, name="flow_test_delete"
    ),
    path(
        "flows/<flow:name>/versions/<int:number>/tests/",
        tests.flow_tests_state,
        name="flow_tests_state",
    ),
    path(
        "flows/<flow:name>/versions/<int:number>/strength/",
        tests.flow_strength,
        name="flow_strength",
    ),
    path(
        "flows/<flow:name>/versions/<int:number>/strength/again/",
        tests.flow_strength_act,
        {"act": "again"},
        name="flow_strength_again",
    ),
    path(
        "flows/<flow:name>/versions/<int:number>/strength/cancel/",
        tests.flow_strength_act,
        {"act": "cancel"},
        name="flow_strength_cancel",
    ),
    path(
        "flows/<flow:name>/versions/<int:number>/tests/again/",
        tests.flow_tests_act,
        {"act": "again"},
        name="flow_tests_again",
    ),
    path(
        "flows/<flow:name>/versions/<int:number>/tests/cancel/",
        tests.flow_tests_act,
        {"act": "cancel"},
        name="flow_tests_cancel",
    ),
    path(
        "flows/<flow:name>/versions/<int:number>/lacks/",
        reviews.version_lacks,
        name="version_lacks",
    ),
    path("flows/<flow:name>/reviews/", reviews.flow_reviews, name="flow_reviews"),
    path("flows/<flow:name>/reviews/new/", reviews.review_request, name="review_request"),
    path("flows/<flow:name>/reviews/rule/", reviews.review_rule, name="review_rule"),
    path("flows/<flow:name>/reviews/<int:number>/", reviews.flow_review, name="flow_review"),
    path(
        "flows/<flow:name>/reviews/<int:number>/judge/", reviews.review_judge, name="review_judge"
    ),
    path(
        "flows/<flow:name>/reviews/<int:number>/withdraw/",
        reviews.review_withdraw,
        name="review_withdraw",
    ),
    path(
        "flows/<flow:name>/reviews/<int:number>/comments/",
        reviews.review_comment,
        name="review_comment",
    ),
    path(
        "flows/<flow:name>/reviews/<int:number>/comments/<int:comment>/",
        reviews.comment_act,
        name="comment_act",
    ),
    path("flows/<flow:name>/reviews/<int:number>/pass/", reviews.review_pass, name="review_pass"),
    path("flows/<flow:name>/alarm/", versions.flow_alarm, name="flow_alarm"),
    path("flows/<flow:name>/compare/", compare.flow_compare_pick, name="flow_compare_pick"),
    path(
        "flows/<flow:name>/compare/<slug:left>/<slug:right>/",
        compare.flow_compare,
        name="flow_compare",
    ),
    path("find/", find.find, name="find"),
    path("tokens/", tokens.access_tokens, name="access_tokens"),
    path("tokens/revoke/", tokens.token_revoke, name="token_revoke"),
    path("people/", people.people, name="people"),
    path("people/add/", people.person_add, name="person_add"),
    path("people/password/", people.person_password, name="person_password"),
    path("people/lock/", people.person_lock, name="person_lock"),
    path("people/roles/", people.person_roles, name="person_roles"),
    path("projects/add/", people.project_add, name="project_add"),
    path("projects/delete/", people.project_delete, name="project_delete"),
    path("projects/member/", people.project_member, name="project_member"),
    path("flows/<flow:name>/move/", people.flow_move, name="flow_move"),
    path("rules/", rules.rules, name="rules"),
    path("rules/<slug:code>/", rules.rule, name="rule"),
]
