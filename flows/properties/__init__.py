"""Properties: what an author claims of a table, in patterns instead of logic.

    never ended and holds media
    event Dialog180Ringing or event Dialog183SessionProgress precedes action SendCANCEL
    after event HangupCall eventually ended

`language` reads them, `patterns` turns them into monitors, `judge` holds them against a graph of
steps (whoever made it), `ready` are those that come with the product.
"""
