"""tools/torture: the real engine and a real Redis, killed and hurt under load, and then asked for what they acknowledged."""
