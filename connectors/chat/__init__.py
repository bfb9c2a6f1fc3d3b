"""What the connectors of chat platforms have in common: text made safe, and pace."""
