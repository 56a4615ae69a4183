"""The pages, one a file; each is run by the navigation of ``buysignal.app.main``."""
