"""`python -m ttcli` is `ttcli`."""

from ttcli.cli import main

if __name__ == "__main__":
    main()
