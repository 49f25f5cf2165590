"""The pages of a shared review: pure renderers, frozen views in, HTML out."""
