"""Recognition learns: corrections become lessons, lessons become versions, and what became of requests is remembered."""
