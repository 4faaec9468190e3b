"""Commands over the rooms; nothing imports them."""
