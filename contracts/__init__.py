"""What schools, municipalities and the services of KAA say to each other.

The only thing the services share about each other: event types, the CloudEvents envelope, the topics, the
directory of organisers. Nothing here knows of Kafka clients, databases or services.
"""
