'use strict';
// One chronic out-patient visit, settled across regions, and what a hospital's program must be able to rely on.
// Prints one JSON line. Called with one argument, a JSON object: see Hub, and insured, credential, disease, lines.

const { Hub } = require('./yidi.js');

async function refused(sending) {
  try {
    await sending;
  } catch (error) {
    if (error.refusal) return error.refusal;
    throw error;
  }
  throw new Error('was not refused');
}

async function visit(hub, { insured, credential, disease, lines }) {
  const who = await hub.carryOut('GetPerson', {
    header: hub.header(insured),
    data: { mdtrt_cert_type: '02', mdtrt_cert_no: credential },
  });
  const person = { psn_no: who.answer.baseinfo.psn_no, insutype: who.answer.insuinfo[0].insutype };

  const registration = {
    header: hub.header(insured),
    data: { ...person, begntime: hub.now(-5), mdtrt_cert_type: '02', ipt_otp_no: 'MZ1' },
  };
  const opened = await hub.carryOut('RegisterOutpatient', registration);
  const openedAgain = await hub.carryOut('RegisterOutpatient', registration);
  const where = { mdtrt_id: opened.answer.data.mdtrt_id, chrg_bchno: 'B1' };

  const feedetail = lines.map(([code, cnt_e4, pric_e6], index) => ({
    ...where,
    feedetl_sn: `B1-${index + 1}`,
    psn_no: person.psn_no,
    dise_codg: disease,
    rx_circ_flag: '0',
    fee_ocur_time: hub.now(),
    med_list_codg: code,
    medins_list_codg: `HIS-${index + 1}`,
    // Quantity times price, rounded to the fen; in BigInt, because the product passes 2^53 in real hospitals.
    det_item_fee_sumamt_fen: String((BigInt(cnt_e4) * BigInt(pric_e6) + 50000000n) / 100000000n),
    cnt_e4,
    pric_e6,
    bilg_dept_codg: '01',
    bilg_dept_name: '内科',
    bilg_dr_codg: 'D1',
    bilg_dr_name: '示范医师',
    hosp_appr_flag: '0',
  }));
  const upload = { header: hub.header(insured), feedetail, all_or_nothing: true };
  const uploaded = await hub.carryOut('UploadOutpatientFees', upload);
  const total = uploaded.answer.result.reduce((sum, line) => sum + BigInt(line.det_item_fee_sumamt_fen), 0n);

  const charge = {
    ...person,
    ...where,
    mdtrt_cert_type: '02',
    mdtrt_cert_no: credential,
    med_type: '14',
    medfee_sumamt_fen: String(total),
    psn_setlway: '01',
    acct_used_flag: '1',
  };
  const quoted = await hub.carryOut('QuoteOutpatient', { header: hub.header(insured), data: charge });
  const quote = quoted.answer.setlinfo;
  const accepted = {};
  for (const part of ['fulamt_ownpay_amt', 'overlmt_selfpay', 'preselfpay_amt', 'inscp_scp_amt']) {
    accepted[`${part}_fen`] = quote[`${part}_fen`];
  }
  const settlement = { header: hub.header(insured), data: { ...charge, ...accepted } };
  const settled = await hub.carryOut('SettleOutpatient', settlement);
  const info = settled.answer.setlinfo;

  // The same request again, at another time: the same answer, byte for byte.
  const repeat = { header: { ...settlement.header, inf_time: hub.now() }, data: settlement.data };
  const settledAgain = await hub.send('SettleOutpatient', repeat);
  const outcome = await hub.send('GetOutcome', { header: hub.header(insured), omsgid: settlement.header.msgid });
  const fresh = await refused(hub.send('SettleOutpatient', { header: hub.header(insured), data: settlement.data }));
  const other = { header: settlement.header, data: { ...settlement.data, invono: '1' } };
  const conflict = await refused(hub.send('SettleOutpatient', other));
  const fault = await refused(hub.send('QuoteOutpatient', { header: hub.header(insured), data: { ...charge, mdtrt_id: '' } }));

  return {
    person: person.psn_no,
    registration_repeats: opened.raw.equals(openedAgain.raw),
    accepted_lines: uploaded.answer.result.length,
    total_fen: Number(total),
    quoted_fund_fen: Number(quote.fund_pay_sumamt_fen),
    fund_fen: Number(info.fund_pay_sumamt_fen),
    person_fen: Number(info.psn_part_amt_fen),
    hospital_fen: Number(info.hosp_part_amt_fen),
    disease: info.dise_codg,
    hops: settled.answer.header.hops.map((hop) => hop.admdvs),
    translations: settled.answer.header.translations.length,
    settlement_repeats: settled.raw.equals(settledAgain.raw),
    same_settlement: settledAgain.answer.setlinfo.setl_id === info.setl_id,
    outcome: outcome.answer.outcome,
    outcome_is_the_answer: settled.raw.equals(outcome.answer.answer),
    fresh_id: { reason: fresh.reason, retry: fresh.retry, setl_id_told: fresh.param('setl_id') === info.setl_id },
    conflict: { reason: conflict.reason, retry: conflict.retry, text: conflict.text },
    fault: { reason: fault.reason, field: fault.param('field') },
  };
}

async function main() {
  const settings = JSON.parse(process.argv[2]);
  const hub = new Hub(settings);
  try {
    console.log(JSON.stringify(await visit(hub, settings)));
  } finally {
    hub.close();
  }
}

main().catch((error) => {
  console.error(error.refusal ? `${error.refusal.reason} ${error.refusal.text}` : error);
  process.exitCode = 1;
});
