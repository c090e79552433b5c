//! Saves coming in: evaluate each inside the store's transaction and commit what it causes. Only then is it acknowledged.
