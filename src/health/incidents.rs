//! Incidents: problems a person should act on.
