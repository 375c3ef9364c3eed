"""What all pages share: login, access, the frame, language, charts."""
