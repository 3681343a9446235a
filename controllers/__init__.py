from . import activation, main, onlooker
