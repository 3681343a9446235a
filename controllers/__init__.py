from . import activation, main, onlooker, waiting
