"""One file per command, and the command line that names them; nothing imports a command."""
