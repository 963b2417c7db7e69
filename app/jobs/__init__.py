"""Background training: a runner that starts and watches, a worker that trains."""
