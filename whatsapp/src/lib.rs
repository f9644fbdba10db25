//! The WhatsApp platform: webhooks, outgoing messages, limits, errors, and (feature `client`) the Graph client.
