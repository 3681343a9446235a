from datetime import timedelta

#: A browser gives a sign of life every minute. Whoever gave none for so long was not here
#: meanwhile, whatever its status said: its server had died.
SILENCE = timedelta(minutes=3)
