"""Files of YAML for tests."""

from typing import Final

#: Nine lines that hold more than 9⁹ values once aliases are followed. From the sixth on there are too many.
BOMB: Final = "".join(
    f"a{line}: &a{line} [{', '.join([f'*a{line - 1}' if line else 'x'] * 9)}]\n" for line in range(9)
)
