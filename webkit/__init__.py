"""What the pages and the APIs of all services share: login, access, the frame, language, charts.

Knows contracts and servicekit, and no service.
"""
