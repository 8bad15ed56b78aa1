"""The same mail sent the obvious way: one message a mail, one call of the provider, its status in Postgres."""
