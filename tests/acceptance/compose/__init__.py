"""docker-compose.yml without containers: its services as processes of this machine."""
