"""RQ Job, RQ Worker and queues of this site, and acts on them."""
