from . import (
    activation,
    chatbot,
    contact_data,
    health,
    logout,
    main,
    onlooker,
    pool_mail,
    waiting,
    webclient,
    writing,
)
