"""The command line `kaa`: one module per group, thin; the work is done in the other rooms."""
