//! What routers do wrong, on demand.
