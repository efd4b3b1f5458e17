//! Orders that are submitted again and again.

use super::*;

const MIN_INTERVAL: BlockNumber = 20;
const MAX_STARTS: u32 = 1_000;
const MAX_SKIPS: u32 = 3;
const START_FEE: Balance = ISC / 100;

fn held(series: &Series) -> Balance {
    series.deposit + series.fee * u128::from(series.left)
}

impl State {
    pub(super) fn repeat(
        &mut self,
        who: &AccountId,
        spec: JobSpec,
        every: BlockNumber,
        times: u32,
    ) -> Dispatched {
        if spec.after.is_some() {
            return fail("Market", "NotRepeatable", "");
        }
        if !(MIN_INTERVAL..=self.params.max_job_blocks).contains(&every) {
            return fail("Market", "BadInterval", "");
        }
        if !(1..=MAX_STARTS).contains(&times) {
            return fail("Market", "BadTimes", "");
        }
        // What would be refused now is refused, but for the balance.
        let mut tried = self.clone();
        tried.accounts.entry(who.clone()).or_default().free = Balance::MAX / 2;
        tried.submit_job(who, spec.clone(), None)?;
        let series = Series {
            requester: who.clone(),
            lasts: spec.deadline - self.number,
            spec,
            every,
            next: self.number + 1,
            left: times,
            skipped: 0,
            deposit: self.params.job_deposit,
            fee: START_FEE,
        };
        self.hold(who, held(&series))?;
        let id = self.next_job;
        self.next_job += 1;
        self.series.insert(id, series);
        self.events.push(Event::SeriesOpened { series: id });
        Ok(())
    }

    pub(super) fn cancel_series(&mut self, who: &AccountId, id: JobId) -> Dispatched {
        match self.series.remove(&id) {
            Some(series) if series.requester == *who => {
                self.release(who, held(&series));
                Ok(())
            }
            _ => fail("Market", "NotRequester", ""),
        }
    }

    pub(super) fn start_series(&mut self) {
        let now = self.number;
        let due: Vec<(JobId, Series)> = self
            .series
            .iter()
            .filter(|(_, series)| series.next <= now)
            .map(|(id, series)| (*id, series.clone()))
            .collect();
        for (id, mut series) in due {
            let requester = series.requester.clone();
            series.left -= 1;
            if let Some(account) = self.accounts.get_mut(&requester) {
                account.held -= series.fee;
            }
            // The treasury, which nobody here needs a name for.
            *self.rewards.entry(AccountId::new([0; 32])).or_default() += series.fee;
            let mut next = self.clone();
            let order = JobSpec {
                deadline: now + series.lasts,
                ..series.spec.clone()
            };
            match next.submit_job(&requester, order, Some(id)) {
                Ok(()) => {
                    *self = next;
                    series.skipped = 0;
                }
                Err(_) => series.skipped += 1,
            }
            if series.left == 0 || series.skipped >= MAX_SKIPS {
                self.series.remove(&id);
                self.release(&requester, held(&series));
            } else {
                series.next = now + series.every;
                self.series.insert(id, series);
            }
        }
    }
}
