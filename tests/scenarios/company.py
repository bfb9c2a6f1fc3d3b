"""The whole Foyer that scenarios talk to; the product's own, since `foyer eval dialogues` plays against it, too."""

from bot.evaluation.company import START, Clock, Company, NoSuchButton, NoSuchPerson, Said, email

__all__ = ["START", "Clock", "Company", "NoSuchButton", "NoSuchPerson", "Said", "email"]
