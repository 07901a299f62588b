"""Access tokens of the person who is logged in: made, shown once, taken back."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse

from designer import tokens
from designer.access import change, form
from designer.errors import Refused
from designer.views.shell import done, refused, show

USUAL_DAYS = 90


@form("token.own")
def access_tokens(request: HttpRequest) -> HttpResponse:
    """Show a person's tokens; POST name, days makes one, which is shown with this answer only.

    Context: tokens [dict], days, usual, secret, made, problem, name.
    """
    context = {"days": tokens.DAYS, "usual": USUAL_DAYS, "name": ""}
    status = 200
    if request.method == "POST":
        name, days = request.POST.get("name", ""), request.POST.get("days", "")
        try:
            usable = days.isascii() and days.isdigit() and len(days) < 5
            secret, made = tokens.token_add(
                user=request.user, name=name, days=int(days) if usable else 0
            )
            context |= {"secret": secret, "made": made}
        except Refused as refusal:
            context |= {"problem": refusal.message, "name": name[: tokens.LONGEST_NAME]}
            status = 409
    listed = tokens.tokens_of(request.user).select_related("user")
    context["tokens"] = [(each, tokens.state_of(each)) for each in listed]
    answer = show(request, "designer/tokens.html", context, status=status)
    # The secret is for the eyes that asked, and for no cache on the way.
    answer.headers["Cache-Control"] = "no-store"
    return answer


@change("token.own")
def token_revoke(request: HttpRequest) -> HttpResponse:
    """Take a token back. POST: name."""
    try:
        token = tokens.token_revoke(user=request.user, name=request.POST.get("name", ""))
    except Refused as refusal:
        return refused(request, refusal, "access_tokens")
    message = f"{token.name} opens nothing any more."
    return done(request, message, tokens.as_message(token), "access_tokens")
