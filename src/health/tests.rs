//! Stories of a whole integration: what really happened, and what must be said of it.

mod absence;
mod amounts;
mod credentials;
mod evidence;
mod gaps;
mod group;
mod inventory;
mod listing;
mod loss;
mod observers;
mod organization;
mod rotations;
