"""The studio's pages: views by noun. Each gets its brand through `access`, and nowhere else."""
