"""The page on which a person draws what something hides of an object, and the server behind it."""
