"""A whole stack on one machine: Redis, S3, service, worker, janitor; without root and without containers."""
