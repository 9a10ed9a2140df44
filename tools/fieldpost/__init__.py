"""The host side of Fieldpost: the command `fieldpost`."""
