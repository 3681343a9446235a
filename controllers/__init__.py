from . import (
    activation,
    chatbot,
    contact_data,
    lamps,
    logout,
    main,
    onlooker,
    pool_mail,
    waiting,
    webclient,
    writing,
)
