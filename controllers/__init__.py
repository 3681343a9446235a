from . import activation, logout, main, onlooker, waiting, webclient
