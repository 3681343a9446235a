from . import activation, main, onlooker, waiting, webclient
