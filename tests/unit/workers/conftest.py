from hypothesis import settings

# Seconds for the whole suite; and no deadline, since a busy machine is no fault of the code.
settings.register_profile("unit", max_examples=60, deadline=None)
settings.load_profile("unit")
