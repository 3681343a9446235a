from . import activation, logout, main, onlooker, pool_mail, waiting, webclient, writing
