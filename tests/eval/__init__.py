"""Evaluations on material from outside the project: `make eval DATA=PATH`. pytest collects nothing here."""
