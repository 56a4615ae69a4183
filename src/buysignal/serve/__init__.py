"""The live doors: scores over HTTP while the visit is still going on."""
