"""What tests on a site share."""
