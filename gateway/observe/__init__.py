"""What a hub tells of itself: metrics, logs, health. Nothing here carries personal data."""
