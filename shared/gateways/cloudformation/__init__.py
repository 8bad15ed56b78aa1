"""CloudFormation: where the partition's deploy-time values are read."""
