"""New pictures out of a brand's own photographs."""
