"""The main job once, through the public HTTP API, in a world of its own that is gone afterwards."""
