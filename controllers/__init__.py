from . import (
    activation,
    chatbot,
    contact_data,
    health,
    lamps,
    logout,
    main,
    onlooker,
    pool_mail,
    waiting,
    webclient,
    writing,
)
