from . import (
    activation,
    chatbot,
    contact_data,
    logout,
    main,
    onlooker,
    pool_mail,
    waiting,
    webclient,
    writing,
)
