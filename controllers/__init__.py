from . import (
    activation,
    chatbot,
    logout,
    main,
    onlooker,
    pool_mail,
    waiting,
    webclient,
    writing,
)
