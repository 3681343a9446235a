from . import activation, main
