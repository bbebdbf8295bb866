//! What came to the simulator later, by dice of its own: see [`Swarm::wider`](crate::swarm::Swarm::wider).

use crate::between::Who;
use crate::dice::Dice;
use crate::world::{Life, World};
use onhand_engine::customer::Random;
use parking_lot::Mutex;

/// Bytes for keys, other ones each time and the same for the same seed.
pub(crate) fn random(seed: u64) -> Random {
    let dice = Mutex::new(Dice::new(seed));
    Box::new(move |bytes| {
        let mut dice = dice.lock();
        bytes.chunks_mut(8).for_each(|part| part.copy_from_slice(&dice.roll().to_le_bytes()[..part.len()]));
        Ok(())
    })
}

impl World {
    /// Bulk bodies begin and go on.
    pub(crate) fn send_bodies(&mut self, life: &Life) {
        if self.swarm.bulk == 0 {
            return;
        }
        let (dice, swarm) = (&mut self.wider, &self.swarm);
        let place = dice.place(self.clients.len());
        let (clients, shop) = (&mut self.clients[place], &life.shops[place]);
        if dice.chance(swarm.bulk) {
            clients.want_body(dice, shop, swarm.text_bytes);
        } else if dice.chance(swarm.bulk) {
            clients.send_body_again(dice, shop);
        }
        for (clients, shop) in self.clients.iter_mut().zip(&life.shops) {
            clients.go_on(dice, shop, swarm.giving_up);
        }
    }

    /// Personal data is read and erased, and keys for more of it are made.
    pub(crate) fn care_for_people(&mut self, life: &Life) {
        if self.swarm.erasures == 0 || self.disk.is_off() || self.is_astray() {
            return;
        }
        let dice = &mut self.wider;
        let place = dice.place(self.clients.len());
        let (people, shop) = (&mut self.clients[place].people, &life.shops[place]);
        match dice.below(100) {
            0..20 => people.read_one(dice, shop.merchant(), shop.handle()),
            // What fails is known to the key store, which makes no more until the next start.
            20..25 => drop(life.interleaved.during(Who::All, || life.engine.customer_step())),
            _ if dice.chance(self.swarm.erasures) => people.erase_one(dice, shop.handle()),
            _ => {}
        }
    }
}
