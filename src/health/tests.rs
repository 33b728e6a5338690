//! Stories of a whole integration: what really happened, and what must be said of it.

mod absence;
mod amounts;
mod answers;
mod credentials;
mod decisions;
mod disconnected;
mod evidence;
mod first_sight;
mod gaps;
mod group;
mod imports;
mod inventory;
mod listing;
mod loss;
mod observers;
mod one_part_fails;
mod organization;
mod ours;
mod out_of_sight;
mod refused;
mod rotations;
mod subjects;
mod test_flow;
mod unlisted;
mod unread;
