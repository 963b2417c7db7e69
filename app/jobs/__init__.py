"""Background training: a runner that starts and watches workers, and a worker that trains."""
