"""The whole product and the world around it as local processes, kept alive by one supervisor."""
